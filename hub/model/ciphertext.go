package model

// CiphertextError says that something is encrypted with SOPS where its ciphertext would be used, or delivered, in its
// place.
type CiphertextError struct{ Err error }

// Error implements error.
func (e *CiphertextError) Error() string { return e.Err.Error() }

// Unwrap gives the error that says what is encrypted, and what to do.
func (e *CiphertextError) Unwrap() error { return e.Err }
