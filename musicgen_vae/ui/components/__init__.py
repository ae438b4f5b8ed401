"""The few components that Gradio lacks: each is one Python and one JavaScript file.

Their HTML templates are static. Whatever a visitor or a file provided reaches the document through
``textContent`` or a canvas, never as markup.
"""
