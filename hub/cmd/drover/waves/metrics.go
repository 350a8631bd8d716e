package waves

import (
	"context"
	"errors"
	"fmt"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/credentials"
	"github.com/drover-dev/drover/hub/prometheus"
	"github.com/drover-dev/drover/hub/rollouts/gate"
	"github.com/drover-dev/drover/hub/webmetric"
	"github.com/drover-dev/drover/internal/outbound"
)

// askers ask for both kinds of gates.
type askers struct {
	prometheus *prometheus.Asker
	web        *webmetric.Asker
}

// Ask implements gate.Metrics.
func (a askers) Ask(ctx context.Context, g rollout.Gate, query string) ([]float64, error) {
	values, err := a.prometheus.Ask(ctx, g, query)
	return values, remedied(err)
}

// Fetch implements gate.Metrics.
func (a askers) Fetch(ctx context.Context, w rollout.Web) (any, error) {
	value, err := a.web.Fetch(ctx, w)
	return value, remedied(err)
}

// remedied says of an address that a gate may not ask what allows it.
func remedied(err error) error {
	if _, forbidden := errors.AsType[*outbound.ForbiddenError](err); forbidden {
		return fmt.Errorf("%w: name another address, or let the operator of the hub allow it (drover hub "+
			"--allow-source-address)", err)
	}
	return err
}

// Metrics asks metrics for the gates of rollouts, with the credentials of sources and within their bounds.
func Metrics(from *credentials.Folder, local bool, allowed []outbound.Allowed) gate.Metrics {
	login := func(ctx context.Context, address, name string) (prometheus.Login, error) {
		c, err := from.Find(ctx, address, name, false)
		return prometheus.Login{Username: c.Username, Password: c.Password, Token: c.Token, CA: c.CA,
			Certificate: c.Certificate, Key: c.Key}, err
	}
	web := func(ctx context.Context, address, name string) (webmetric.Login, error) {
		c, err := from.Find(ctx, address, name, false)
		return webmetric.Login{Username: c.Username, Password: c.Password, Token: c.Token, Headers: c.Headers, CA: c.CA,
			Certificate: c.Certificate, Key: c.Key}, err
	}
	return askers{&prometheus.Asker{Local: local, Allowed: allowed, Login: login},
		&webmetric.Asker{Local: local, Allowed: allowed, Login: web}}
}
