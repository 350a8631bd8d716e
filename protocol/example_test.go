package protocol_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"

	"github.com/drover-dev/drover/protocol"
)

// A hub signs a bundle, and seals it to the cluster; the agent there opens and verifies it.
func ExampleSignBundle() {
	public, private, _ := ed25519.GenerateKey(nil)
	openPrivate, openPublic, _ := protocol.NewOpenKey()

	bundle := protocol.Bundle{Version: protocol.Version, Cluster: "staging", Generation: 1,
		Revision: protocol.Revision{Hash: strings.Repeat("1a2b3c4d", 5)}}
	envelope, err := protocol.SignBundle(bundle, private)
	if err != nil {
		fmt.Println(err)
		return
	}
	sealed, _ := protocol.Seal(openPublic, "staging", envelope)

	opened, _ := protocol.Unseal(openPrivate, "staging", sealed)
	got, err := protocol.VerifyBundle(opened, "staging", []ed25519.PublicKey{public})
	fmt.Println(got.Cluster, got.Generation, got.Revision.Short(), err)

	_, err = protocol.VerifyBundle(opened, "production", []ed25519.PublicKey{public})
	fmt.Println(errors.Is(err, protocol.ErrForeign))
	// Output:
	// staging 1 1a2b3c4d <nil>
	// true
}

// Names of clusters are parts of subjects and paths.
func ExampleCheckName() {
	fmt.Println(protocol.CheckName("production-eu-1"))
	fmt.Println(protocol.CheckName("production.>") != nil)
	// Output:
	// <nil>
	// true
}

// What an agent may publish and subscribe to names its cluster.
func ExampleAgentSubjects() {
	_, subscribe := protocol.AgentSubjects("staging")
	fmt.Println(protocol.DesiredSubject("staging"))
	fmt.Println(protocol.ReportSubject("staging"))
	for _, s := range subscribe {
		fmt.Println(strings.Contains(s, "staging"))
		break
	}
	// Output:
	// $KV.desired.staging
	// $KV.report.staging
	// true
}

// The id of a hold is the same wherever it is computed, and another one for other content.
func ExampleHoldID() {
	one := protocol.HoldID(protocol.HoldDeletions, "staging", "ConfigMap/shop/a")
	again := protocol.HoldID(protocol.HoldDeletions, "staging", "ConfigMap/shop/a")
	other := protocol.HoldID(protocol.HoldDeletions, "staging", "ConfigMap/shop/b")
	fmt.Println(one == again, one == other)
	// Output: true false
}
