package model

import "context"

// Keys decrypts objects of the repository with keys that the hub holds.
type Keys interface {
	// Decrypt gives an object that is encrypted with SOPS as it was before, with one of the keys that are named. An
	// *UnfitError says that none of them fits. No error quotes a value.
	Decrypt(ctx context.Context, names []string, object []byte) ([]byte, error)
}

// UnfitError says that an object is encrypted for others than the hub, or in a way that the hub does not know. An
// agent
// may have the key.
type UnfitError struct{ Text string }

// Error implements error.
func (e *UnfitError) Error() string { return e.Text }
