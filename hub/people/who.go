package people

import (
	"context"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/access"
)

// Who is who asked for something, as far as the hub knows.
type Who struct {
	// Name is that of the token; "" for the shared token of the hub, which belongs to nobody.
	Name   string   `json:"name,omitempty"`
	Groups []string `json:"groups,omitempty"` // that the token had then
	Email  string   `json:"email,omitempty"`  // that the token was made for
	Says   string   `json:"says,omitempty"`   // whom the user of the shared token claims to be
	From   string   `json:"from,omitempty"`   // the address that the request came from

	Role string `json:"role,omitempty"` // by which it was allowed; "" for the shared token

	Caller access.Caller `json:"-"` // the same for decisions; the zero value may do nothing
	Until  time.Time     `json:"-"` // the token is not accepted from then on; zero for the shared one
}

// Shared says whether the request came with the shared token of the hub.
func (w Who) Shared() bool { return w.Name == "" }

// In says whether the person is in one of groups.
func (w Who) In(groups []string) bool {
	return slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(w.Groups, g) })
}

// String is the person for people.
func (w Who) String() string {
	switch {
	case w.Name != "":
		return w.Name
	case w.Says != "":
		return w.Says
	}
	return "a user of the shared token"
}

type key struct{}

// With gives a context of a request with a token.
func With(ctx context.Context, w Who) context.Context { return context.WithValue(ctx, key{}, w) }

// Of is who made the request of a context. known is false where nobody has said so: then Who is no one, and above all
// not the user of the shared token, who may do anything.
func Of(ctx context.Context) (w Who, known bool) {
	w, known = ctx.Value(key{}).(Who)
	return w, known
}
