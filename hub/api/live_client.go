package api

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/drover-dev/drover/protocol"
)

// AskCluster asks the agent of a cluster, and hands on its answer as it comes. The answer has ended when it returns without an
// error.
func AskCluster(ctx context.Context, c Client, cluster string, q Question, each func(data []byte) error) (AnswerEnd, error) {
	resp, err := c.send(ctx, http.MethodPost, "/api/v1/clusters/"+url.PathEscape(cluster)+"/ask", q)
	if err != nil {
		return AnswerEnd{}, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 4*protocol.MaxAnswerPart)
	for lines.Scan() {
		var p AnswerPart
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return AnswerEnd{}, fmt.Errorf("the answer of %s: %w: is that the address of a Drover hub?", c.URL, err)
		}
		if len(p.Data) > 0 {
			if err := each(p.Data); err != nil {
				return AnswerEnd{}, err
			}
		}
		if p.End != nil {
			return *p.End, nil
		}
	}
	if err := cmp.Or(ctx.Err(), lines.Err()); err != nil {
		return AnswerEnd{}, fmt.Errorf("the answer broke off: %w", err)
	}
	return AnswerEnd{}, errors.New("the answer broke off: the hub may have stopped; ask again")
}
