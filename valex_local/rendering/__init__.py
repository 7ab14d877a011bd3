"""Scripts as text: what people and classifiers read, Fountain, lines with times."""
