"""The page: Gradio lives here and nowhere else.

``creating``, ``uploads``, ``morphing``, ``editing`` and ``mapping`` are plain functions from
requests to takes, ``tabs`` wire them to components, ``api`` offers them to programs, and ``page``
puts all of it together.
"""
