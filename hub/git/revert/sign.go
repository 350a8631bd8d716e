package revert

import (
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// maxKey is how large a file with a key may be.
const maxKey = 64 << 10

// readKey reads the private key in a file.
func readKey(file string) (ssh.Signer, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("read the key that signs reverts: %w: create the file, or correct its path", err)
	}
	if info.Size() > maxKey {
		return nil, fmt.Errorf("the key that signs reverts: %s has %d bytes: name a private key for ssh", file, info.Size())
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the key that signs reverts: %w: create the file, or correct its path", err)
	}
	key, err := ssh.ParsePrivateKey(data)
	if err != nil { // which may quote nothing of the key
		return nil, fmt.Errorf("the key that signs reverts, %s, cannot be used: name a private key for ssh without a "+
			"passphrase, as ssh-keygen -t ed25519 makes one", file)
	}
	return key, nil
}

// namespace says to which purpose something was signed; Git knows this one.
const namespace = "git"

// sign signs a commit as Git does with gpg.format ssh
// (https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig).
func sign(key ssh.Signer, commit []byte) (string, error) {
	const hash, magic = "sha512", "SSHSIG"
	sum := sha512.Sum512(commit)
	signed := ssh.Marshal(struct{ Namespace, Reserved, Hash, Sum string }{namespace, "", hash, string(sum[:])})
	algorithm := key.PublicKey().Type()
	if algorithm == ssh.KeyAlgoRSA {
		algorithm = ssh.KeyAlgoRSASHA512
	}
	with, is := key.(ssh.AlgorithmSigner)
	if !is {
		return "", errors.New("the key that signs reverts is of a kind that cannot: make one with ssh-keygen -t ed25519")
	}
	signature, err := with.SignWithAlgorithm(rand.Reader, append([]byte(magic), signed...), algorithm)
	if err != nil {
		return "", fmt.Errorf("sign the revert: %w", err)
	}
	blob := ssh.Marshal(struct {
		Version                                   uint32
		Key, Namespace, Reserved, Hash, Signature string
	}{1, string(key.PublicKey().Marshal()), namespace, "", hash, string(ssh.Marshal(signature))})
	text := base64.StdEncoding.EncodeToString(append([]byte(magic), blob...))
	var out strings.Builder
	out.WriteString("-----BEGIN SSH SIGNATURE-----\n")
	for len(text) > 0 {
		n := min(len(text), 70)
		out.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	out.WriteString("-----END SSH SIGNATURE-----\n")
	return out.String(), nil
}
