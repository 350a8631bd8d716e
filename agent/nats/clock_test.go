package nats

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// The hub's clock dates a credential, and the agent's may be wrong: one that is behind must not have the credential
// end before it is renewed, and one that is ahead must not have it renewed without pause.
func TestAWrongClockDelaysNoRenewalAndRepeatsNone(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	now := time.Now()
	cred := func(age time.Duration) protocol.Credential {
		return protocol.Credential{Issued: now.Add(-age), Expires: now.Add(30*day - age)}
	}
	short := protocol.Credential{Issued: now.Add(-day), Expires: now.Add(3*time.Second - day)}
	for name, c := range map[string]struct {
		cred      protocol.Credential
		granted   time.Time // by this process; zero if by one before
		min, most time.Duration
	}{
		"just granted":                       {cred(0), now, 20 * day, 21 * day},
		"in the middle of its life":          {cred(12 * day), time.Time{}, 8 * day, 9 * day},
		"due":                                {cred(21 * day), time.Time{}, -day, 0},
		"expired":                            {cred(40 * day), time.Time{}, -20 * day, 0},
		"never ends":                         {protocol.Credential{Issued: now}, now, never, never},
		"the clock is a day behind":          {cred(-day), now, 20 * day, 21 * day},
		"the clock is a year behind":         {cred(-365 * day), time.Time{}, 20 * day, 21 * day},
		"the clock is a year ahead":          {cred(365 * day), now, time.Hour, time.Hour},
		"so it is, and an hour has passed":   {cred(365 * day), now.Add(-time.Hour), -365 * day, 0},
		"so it is, granted to one before":    {cred(365 * day), time.Time{}, -365 * day, 0},
		"a short life and a clock far ahead": {short, now, time.Second, time.Second},
		"dates in the wrong order":           {protocol.Credential{Issued: now, Expires: now.Add(-day)}, now, -day, time.Hour},
	} {
		for range 20 { // it is spread
			if got := dueIn(c.cred, now, c.granted); got < c.min || got > c.most {
				t.Errorf("%s: renewed in %s, want %s to %s", name, got, c.min, c.most)
				break
			}
		}
	}
}
