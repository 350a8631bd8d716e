package protocol

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// HeaderAuth is a header on the messages of the desired bucket: a MAC over what the other headers say. Only hubs of the
// fleet can make it, so that nobody else on the bus can have a hub believe that another bundle was published.
const HeaderAuth = "Drover-Auth"

// BundleHeaders is what a message of the desired bucket says of its bundle, for hubs that have lost their store.
type BundleHeaders struct {
	Cluster    string
	Epoch      uint64
	Generation uint64
	Revision   string // the commit that it was made from
	Key        string // which of the cluster's keys it is sealed to
}

// HeaderKeyOf is the key of HeaderAuth. It follows from the fleet's secret.
func HeaderKeyOf(secret []byte) ([]byte, error) {
	return hkdf.Key(sha256.New, secret, nil, "drover hub bundle headers v1", sha256.Size)
}

// Auth is the MAC of h under a key of HeaderKeyOf, as HeaderAuth has it.
func (h BundleHeaders) Auth(key []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "drover headers v1\n%q\n%d\n%d\n%q\n%q\n", h.Cluster, h.Epoch, h.Generation, h.Revision, h.Key)
	return hex.EncodeToString(mac.Sum(nil))
}

// Authentic says whether auth is the MAC of h.
func (h BundleHeaders) Authentic(key []byte, auth string) bool {
	return hmac.Equal([]byte(h.Auth(key)), []byte(auth))
}
