package api

// failure is an error with the HTTP status it is answered with.
type failure struct {
	status int
	text   string
}

func (f failure) Error() string { return f.text }
