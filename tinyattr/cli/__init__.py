"""The command line, a file for each family of commands; each command's options stand next to the function that runs it.

matplotlib takes longer to load than most commands take to run: what needs it is imported by the functions that draw.
"""
