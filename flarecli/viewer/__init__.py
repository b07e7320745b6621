"""A web page with NiiVue that shows a scan with its label maps, served on this machine or written as one file."""
