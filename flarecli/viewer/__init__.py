"""A scan with its label maps in the browser: a page of our own round NiiVue, served on this machine or as one file."""
