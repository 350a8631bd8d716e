package streams

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/drover-dev/drover/hub"
)

// Codes of JetStream's answers to what it has no space for: the account's limit, the server's, and a stream's, which
// is told in words alone.
const (
	codeNoPeers      = 10005 // no servers with enough of something, which is told in words alone
	codeAccountFull  = 10002
	codeServerFull   = 10023
	codeStorageFull  = 10047
	codeStoreFailed  = 10077
	streamFullReason = "maximum bytes exceeded"
)

// Full says whether an error means that there is no space left, by wrapping hub.ErrFull.
func Full(err error) error {
	var e *jetstream.APIError
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.ErrorCode == codeAccountFull, e.ErrorCode == codeServerFull, e.ErrorCode == codeStorageFull,
		e.ErrorCode == codeStoreFailed && strings.Contains(e.Description, streamFullReason):
		return fmt.Errorf("%w (%w)", hub.ErrFull, err)
	}
	return err
}
