package access

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// Whatever an error quotes, it quotes no secret.
func TestSecretsAreCutOut(t *testing.T) {
	token, err := NewLogin(Location{Scheme: "https", User: "t0ken"}, Auth{})
	if err != nil || !slices.Contains(token.secrets, "t0ken") {
		t.Errorf("a token in place of the user is no secret: %q, %v", token.secrets, err)
	}
	l := &Login{secrets: []string{"", "hunter2", "p%2Fw"}}
	at := Location{URL: "https://host/x"}
	err, _ = Explain(at, l, errors.New("GET https://ada:hunter2@host/x?p%2Fw \x1b[31m"))
	if got := err.Error(); strings.Contains(got, "hunter2") || strings.Contains(got, "p%2Fw") || strings.Contains(got, "\x1b") || errors.Unwrap(err) != nil {
		t.Errorf("error is %q", got)
	}
}
