"""What music is: notes on a grid, keys, roles and attributes. No torch, no Gradio."""
