package oci

import "github.com/opencontainers/go-digest"

// digestOf names content.
func digestOf(data []byte) string { return digest.FromBytes(data).String() }

func validDigest(text string) bool {
	d, err := digest.Parse(text)
	return err == nil && d.Algorithm() == digest.SHA256
}
