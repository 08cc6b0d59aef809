"""Taking predictions away: the files, the HTML report, and exports that the page asks for."""
