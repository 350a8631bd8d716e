package query

import "time"

// Rollout is how a RolloutPolicy stands.
type Rollout struct {
	Policy   string `json:"policy"`
	Gone     bool   `json:"gone,omitempty"` // Git has it no more; it ends when all of its clusters have what Git asks for
	Waves    []Wave `json:"waves"`          // in order
	Clusters int    `json:"clusters"`       // that it holds
	// Behind are the clusters that have something else than Git asks for, sorted.
	Behind   []string         `json:"behind,omitempty"`
	Failures []RolloutFailure `json:"failures,omitempty"` // by cluster
	Bad      []BadTarget      `json:"bad,omitempty"`
	Pinned   []Pin            `json:"pinned,omitempty"` // by cluster
	Halts    []Halt           `json:"halts,omitempty"`
}

// Wave is how a wave of a policy stands.
type Wave struct {
	Name    string    `json:"name"`
	Target  string    `json:"target,omitempty"` // that it is at, would take next, or has passed last
	Subject string    `json:"subject,omitempty"`
	Text    string    `json:"text"` // what it does or waits for
	Since   time.Time `json:"since,omitzero"`
	// Clusters of the wave that take part in Target, how many of them have settled, failed and are offline, and how
	// many may fail.
	Clusters int `json:"clusters"`
	Settled  int `json:"settled"`
	Failed   int `json:"failed"`
	Budget   int `json:"budget"`
	Offline  int `json:"offline"`
}

// RolloutFailure is a cluster that failed with a target.
type RolloutFailure struct {
	Cluster string    `json:"cluster"`
	Target  string    `json:"target"`
	Apps    []string  `json:"apps,omitempty"`
	Cause   string    `json:"cause"`
	Since   time.Time `json:"since,omitzero"`
	Back    bool      `json:"back,omitempty"` // it was given what it had before
}

// BadTarget is a target that no wave takes any more.
type BadTarget struct {
	Target  string    `json:"target"`
	Subject string    `json:"subject,omitempty"`
	Since   time.Time `json:"since"`
	Why     string    `json:"why"`
	Apps    []string  `json:"apps,omitempty"` // that are bad
}

// Pin holds a cluster at what it has until a time.
type Pin struct {
	Cluster string    `json:"cluster"`
	Until   time.Time `json:"until"`
	Reason  string    `json:"reason,omitempty"`
}

// Halt stops the releases of a wave, or of all of them if Wave is "".
type Halt struct {
	Wave   string    `json:"wave,omitempty"`
	Until  time.Time `json:"until,omitzero"` // zero for no end
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
}
