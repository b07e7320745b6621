"""Published weights into the models of this package, without the frameworks that wrote them."""
