"""From a regimen to one person: tapers over dispensable forms, courses, documents."""
