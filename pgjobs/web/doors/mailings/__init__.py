"""The door of mailings: clients, mailings and their statistics, as users of the Django service know them."""
