"""Where training clips come from: readers of data sets and what is built from them."""
