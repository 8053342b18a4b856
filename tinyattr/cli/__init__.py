"""The command line. Each family of commands has its own file, and a command's options stand above its function.

matplotlib takes longer to load than most commands take to run. So only the functions that draw import what needs it.
"""
