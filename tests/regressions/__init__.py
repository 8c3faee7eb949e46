"""What went wrong in systems of this kind, one test for each: never here.

A test has its bug's name, and its docstring says what others got wrong.
"""
