package protocol

import (
	"slices"
	"testing"
)

// TestAgentMayUseExactlyTheseSubjects is what an agent's credential allows, word for word: a change of it changes what
// a stolen credential is good for.
func TestAgentMayUseExactlyTheseSubjects(t *testing.T) {
	publish, subscribe := AgentSubjects("staging")
	wantPublish := []string{
		"$JS.API.DIRECT.GET.KV_desired.$KV.desired.staging",
		"$JS.API.DIRECT.GET.KV_blobs.$KV.blobs.*.*",
		"$KV.report.staging",
		"journal.staging",
		"renew.staging",
		"hello.staging",
		"answer.staging.*",
	}
	wantSubscribe := []string{"$KV.desired.staging", "ask.staging", "_INBOX_staging.>"}
	if !slices.Equal(publish, wantPublish) {
		t.Errorf("may publish to %q, want %q", publish, wantPublish)
	}
	if !slices.Equal(subscribe, wantSubscribe) {
		t.Errorf("may subscribe to %q, want %q", subscribe, wantSubscribe)
	}
}

// TestJoinTokenMayUseExactlyTheseSubjects: a token is good for one question.
func TestJoinTokenMayUseExactlyTheseSubjects(t *testing.T) {
	publish, subscribe := JoinSubjects("UABC")
	if want := []string{"join.UABC"}; !slices.Equal(publish, want) {
		t.Errorf("may publish to %q, want %q", publish, want)
	}
	if want := []string{"_INBOX_UABC.>"}; !slices.Equal(subscribe, want) {
		t.Errorf("may subscribe to %q, want %q", subscribe, want)
	}
}

// TestSubjectsAreThoseOfTheirBuckets pins the rest: agents of an older release go on using them.
func TestSubjectsAreThoseOfTheirBuckets(t *testing.T) {
	for got, want := range map[string]string{
		DesiredSubject("staging"): "$KV.desired.staging",
		DesiredGet("staging"):     "$JS.API.DIRECT.GET.KV_desired.$KV.desired.staging",
		BlobSubject("ab12", 0):    "$KV.blobs.ab12.0",
		BlobSubject("ab12", 10):   "$KV.blobs.ab12.10",
		BlobGet("ab12", 1):        "$JS.API.DIRECT.GET.KV_blobs.$KV.blobs.ab12.1",
		ReportSubject("staging"):  "$KV.report.staging",
		JournalSubject("staging"): "journal.staging",
		InboxPrefix("staging"):    "_INBOX_staging",
		RenewSubject("staging"):   "renew.staging",
		HelloSubject("staging"):   "hello.staging",
		AskSubject("staging"):     "ask.staging",

		AnswerSubject("staging", "Q1"): "answer.staging.Q1",
	} {
		if got != want {
			t.Errorf("subject %q, want %q", got, want)
		}
	}
}
