"""Following one person: ratings in; for each day, more like withdrawal or more like relapse, and how sure."""
