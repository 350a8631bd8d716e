package waves

import (
	"context"

	"github.com/drover-dev/drover/hub/credentials"
	"github.com/drover-dev/drover/hub/prometheus"
	"github.com/drover-dev/drover/hub/rollouts"
	"github.com/drover-dev/drover/internal/outbound"
)

// Metrics asks metrics for the gates of rollouts, with the credentials of sources and within their bounds.
func Metrics(from *credentials.Folder, local bool, allowed []outbound.Allowed) rollouts.Metrics {
	login := func(ctx context.Context, address, name string) (prometheus.Login, error) {
		c, err := from.Find(ctx, address, name, false)
		return prometheus.Login{Username: c.Username, Password: c.Password, Token: c.Token, CA: c.CA,
			Certificate: c.Certificate, Key: c.Key}, err
	}
	return &prometheus.Asker{Local: local, Allowed: allowed, Login: login}
}
