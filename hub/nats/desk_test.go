package nats

import (
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func TestTheHubAnswersIntoTheInboxOfWhoAsksAlone(t *testing.T) {
	t.Parallel()
	for reply, own := range map[string]bool{
		protocol.InboxPrefix("a") + ".x":   true,
		protocol.InboxPrefix("a") + ".x.y": true,
		protocol.InboxPrefix("a") + ".":    false,
		protocol.InboxPrefix("a"):          false,
		protocol.InboxPrefix("a") + ".*":   false,
		protocol.InboxPrefix("a") + ".>":   false,
		protocol.InboxPrefix("a") + ".x y": false,
		protocol.InboxPrefix("ab") + ".x":  false,
		protocol.InboxPrefix("b") + ".x":   false,
		protocol.DesiredSubject("a"):       false,
		"":                                 false,
	} {
		if got := ownInbox("a", reply); got != own {
			t.Errorf("%q is in the inbox of a: %t", reply, got)
		}
	}
}

func TestNoURLIsLoggedWithItsPassword(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"": "", "tls://a:4222": "tls://a:4222", "tls://u:secret@a, tls://b": "tls://u:xxxxx@a,tls://b",
		"wss://token@a:443": "wss://token@a:443",
	} {
		if got := redact(given); got != want {
			t.Errorf("%q is logged as %q, want %q", given, got, want)
		}
	}
}
