//go:build !linux

package nats

// diskSize is how many bytes the file system has that a folder is on; 0 if that is not known.
func diskSize(string) int64 { return 0 }
