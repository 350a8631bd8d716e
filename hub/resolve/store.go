package resolve

// Memos gives what renders gave before, see Store.
type Memos interface {
	// Memo gives what was remembered under key, or nil.
	Memo(key string) ([]byte, error)
	// Blob gives the sealed blob of an id, or nil.
	Blob(id string) ([]byte, error)
}

// Volatile is a store that forgets everything: for rendering once, without a hub.
type Volatile struct{}

var _ Memos = Volatile{}

// Memo implements Memos.
func (Volatile) Memo(string) ([]byte, error) { return nil, nil }

// Blob implements Memos.
func (Volatile) Blob(string) ([]byte, error) { return nil, nil }
