package protocol

import (
	"bytes"
	"testing"
)

func TestHeadersAreAuthenticOnlyAsAHubOfTheFleetMadeThem(t *testing.T) {
	key, err := HeaderKeyOf(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	other, err := HeaderKeyOf(bytes.Repeat([]byte{2}, 32))
	if err != nil {
		t.Fatal(err)
	}
	h := BundleHeaders{Cluster: "a", Epoch: 2, Generation: 7, Revision: "abc", Key: "k"}
	auth := h.Auth(key)
	if auth != "544dabc46258e9270628fedf7ee0e58fce599617c3d027bac48bae762c1845e1" {
		t.Errorf("the MAC of these headers is %s: hubs of another release make another", auth)
	}
	if !h.Authentic(key, auth) {
		t.Error("a hub does not believe its own headers")
	}
	if h.Authentic(other, auth) || h.Authentic(key, "") || h.Authentic(key, auth[1:]) {
		t.Error("a hub believes what another key signed, or nobody")
	}
	for name, edit := range map[string]func(*BundleHeaders){
		"cluster":    func(h *BundleHeaders) { h.Cluster = "b" },
		"epoch":      func(h *BundleHeaders) { h.Epoch++ },
		"generation": func(h *BundleHeaders) { h.Generation = MaxGeneration },
		"revision":   func(h *BundleHeaders) { h.Revision = "" },
		"key":        func(h *BundleHeaders) { h.Key = "" },
	} {
		forged := h
		if edit(&forged); forged.Authentic(key, auth) {
			t.Errorf("another %s is believed", name)
		}
	}
}
