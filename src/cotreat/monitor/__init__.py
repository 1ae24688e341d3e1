"""Following one person: ratings in; withdrawal or relapse, forecast, what-if."""
