package identity

import (
	"fmt"
	"testing"
	"time"
)

func TestFormerKeysAreKeptAsLongAsWhatTheySigned(t *testing.T) {
	now := time.Now()
	var id identity
	for i := range 100 {
		id.retire(credential{User: fmt.Sprint("u", i)}, now.Add(time.Duration(i)*time.Second))
	}
	id.retire(credential{User: "u99"}, now.Add(time.Hour)) // known already
	id.forgetFormer(now.Add(time.Hour))
	if len(id.Former) != maxFormer || id.Former[0].User != "u99" || !id.Former[0].End.Equal(now.Add(99*time.Second)) {
		t.Errorf("%d are kept, the first is %+v", len(id.Former), id.Former[0])
	}
	id.forgetFormer(now.Add(formerAge + 90*time.Second))
	if len(id.Former) != 9 {
		t.Errorf("when most are too old, %d are kept", len(id.Former))
	}
	id.forgetFormer(now.Add(1000 * time.Hour))
	if len(id.Former) != 1 || id.Former[0].User != "u99" {
		t.Errorf("when all are too old, %v are kept: the last report may be signed by the last one", id.Former)
	}
}

func TestARenewedCredentialEndsWhenItExpires(t *testing.T) {
	now := time.Now()
	id := identity{Current: "new", Credentials: []credential{{User: "new", Issued: now}, {User: "old",
		Expires: now.Add(-time.Hour)}}}
	id.forget(now)
	if len(id.Credentials) != 1 || len(id.Former) != 1 || id.Former[0] != (former{"old", now.Add(-time.Hour)}) {
		t.Errorf("kept are %+v and formerly %+v", id.Credentials, id.Former)
	}
	id.revoke("", now, now)
	id.forget(now)
	if len(id.Former) != 2 || id.Former[0] != (former{"new", now}) {
		t.Errorf("after revoking, formerly %+v", id.Former)
	}
}
