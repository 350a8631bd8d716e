package hub

import "github.com/drover-dev/drover/fleet/query"

// Volatile is a Store that forgets everything: for rendering once, without a hub.
type Volatile struct{}

var _ Store = Volatile{}

// Memo implements Store.
func (Volatile) Memo(string) ([]byte, error) { return nil, nil }

// Blob implements Store.
func (Volatile) Blob(string) ([]byte, error) { return nil, nil }

// Clusters implements Store.
func (Volatile) Clusters() (map[string]Record, error) { return map[string]Record{}, nil }

// Holds implements Store.
func (Volatile) Holds() ([]query.Hold, error) { return nil, nil }

// Save implements Store.
func (Volatile) Save(Batch) error { return nil }

// Collect implements Store.
func (Volatile) Collect(_, _ func(string) bool) (int, error) { return 0, nil }
