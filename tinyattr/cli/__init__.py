"""The command line. Commands that belong together share a file, and a command's options stand above its function.

Loading matplotlib takes longer than most commands take to run. So only functions that draw import what needs it.
"""
