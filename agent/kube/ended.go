package kube

import (
	"context"
	"net/url"

	"github.com/drover-dev/drover/protocol"
)

// Completed implements agent.Explainer by the events about a Job, which outlive it by an hour unless the API server is
// told otherwise.
func (c *Client) Completed(ctx context.Context, ref protocol.ObjectRef, uid string) (completed bool, err error) {
	query := url.Values{"fieldSelector": {"involvedObject.uid=" + uid + ",reason=Completed"}}
	_, err = c.listAll(ctx, eventKind, ref.Namespace, query, func(raw []byte) { completed = true })
	return completed && ref.Group == "batch" && ref.Kind == "Job", err
}
