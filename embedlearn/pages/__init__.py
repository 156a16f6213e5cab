"""Reports as one HTML file for people: blocks of words, tables and pictures, and the page that they make."""
