package api

import "net/http"

// failure is an error with the HTTP status it is answered with.
type failure struct {
	status int
	text   string
}

func (f failure) Error() string { return f.text }

// errToken refuses a request that no token lets in.
var errToken = failure{http.StatusUnauthorized, "the hub does not accept this token: use the one in the hub's data " +
	"directory (client.json), by --data-dir, --token or $DROVER_TOKEN"}
