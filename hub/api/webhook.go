package api

import (
	"net/http"
	"time"
)

// Webhooks answer the webhooks of servers of Git repositories. They check secrets of their own, not the API's token.
type Webhooks interface {
	http.Handler // for POST /webhook/{kind}
	Counts() []Webhook
}

// Webhook is what was received of one kind since the hub began.
type Webhook struct {
	Kind        string    `json:"kind"`
	Taken       int       `json:"taken"`
	Last        time.Time `json:"last,omitzero"` // that was taken
	Refused     int       `json:"refused,omitempty"`
	LastRefused time.Time `json:"lastRefused,omitzero"`
	Why         string    `json:"why,omitempty"` // the last one was refused
}

// taking is the handler of webhooks, also where there are none.
func taking(h Webhooks) http.Handler {
	if h != nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "this hub takes no webhooks: start it with --webhook-secrets (docs/hub.md)", http.StatusNotFound)
	})
}
