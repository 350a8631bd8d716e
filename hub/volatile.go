package hub

// Volatile is a Store that forgets everything: for rendering once, without a hub.
type Volatile struct{}

var _ Store = Volatile{}

// Memo implements Store.
func (Volatile) Memo(string) ([]byte, error) { return nil, nil }

// Blob implements Store.
func (Volatile) Blob(string) ([]byte, error) { return nil, nil }

// Clusters implements Store.
func (Volatile) Clusters() (map[string]Record, error) { return map[string]Record{}, nil }

// Save implements Store.
func (Volatile) Save(Batch) error { return nil }
