package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// flags are what the command line and the environment say.
type flags struct {
	join, kubeconfig, namespace, identity, listen, plugins string
	level                                                  slog.Level
	takeOver, version                                      bool
	scope                                                  agent.Scope
	podName, podUID, image                                 string
	leaderAccount, joinSecret                              string
	answers                                                []protocol.QuestionKind
}

// parseFlags reads the command line. What is wrong with it has been said when it returns an error.
func parseFlags(args []string, stderr io.Writer) (flags, error) {
	f := flags{answers: protocol.AnsweredByDefault(), podName: os.Getenv("POD_NAME"), podUID: os.Getenv("POD_UID"),
		image: os.Getenv("DROVER_IMAGE")}
	set := flag.NewFlagSet("drover-agent", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.join, "join", cmp.Or(os.Getenv("DROVER_JOIN"), "/var/run/drover/join.json"),
		"`file` with a join token, from drover agent token; it need not be there once the cluster has joined (environment: DROVER_JOIN)")
	set.StringVar(&f.joinSecret, "join-secret", "", "`name` of a Secret of the agent's namespace that may hold the join token, in place of a file")
	set.StringVar(&f.kubeconfig, "kubeconfig", "", "`file` that says how to reach the API server; as a pod, if empty")
	set.StringVar(&f.namespace, "namespace", cmp.Or(os.Getenv("POD_NAMESPACE"), "drover-system"), "the agent's own `namespace`, where its state lives (environment: POD_NAMESPACE)")
	set.StringVar(&f.identity, "identity", "",
		"`name` of this agent in reports and, outside of a pod, in the lease; that of the pod or of the host, if empty")
	set.StringVar(&f.listen, "listen", ":8081", "`address` that serves /healthz and /readyz; none, if empty")
	set.TextVar(&f.level, "log-level", slog.LevelInfo, "debug, info, warn or error")
	set.Func("scope-namespaces", "the only `namespaces` that the agent may touch, as a,b; the whole cluster, if not given", f.limit)
	set.Func("answers", "the `questions` of people that the agent answers, as get,tree,diff,events,logs; none for no "+
		"question (default: get,tree,diff,events)", f.answer)
	set.StringVar(&f.plugins, "plugins", "", "`folder` with plugins, as drover-plugin-sops; the folder plugins beside the plugin host drover-plugins, if empty")
	set.StringVar(&f.leaderAccount, "leader-account", "", "service `account` of the agent's namespace that it acts as while it leads, "+
		"with tokens that it requests; its own account, if empty")
	set.BoolVar(&f.takeOver, "take-over", false,
		"lead now, although another agent does: for when an agent that was not a pod died")
	set.BoolVar(&f.version, "version", false, "print the version and exit; for scripts: drover-agent version -o json")
	set.Usage = func() {
		_, _ = fmt.Fprint(stderr, "drover-agent keeps this cluster as its hub's bundles say.\n\nUsage: drover-agent [flags]\n       drover-agent version [-o text|json]\n\n"+
			"It joins with a token and keeps its credential in the Secret drover-credential of its namespace.\n"+
			"The proxy that HTTPS_PROXY and NO_PROXY name is used to reach the hub.\n\n")
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 0 {
		_, _ = fmt.Fprintf(stderr, "drover-agent: unknown argument %q: it takes flags or version, see --help\n", set.Arg(0))
		return f, errArguments
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	f.identity = cmp.Or(f.identity, f.podName, host)
	if f.kubeconfig != "" { // then this is no pod of the cluster it keeps
		f.podName, f.podUID, f.leaderAccount = "", "", ""
	}
	return f, nil
}

// limit reads the namespaces of a scope. A list of none is refused: it must not become the whole cluster.
func (f *flags) limit(list string) error {
	for name := range strings.SplitSeq(list, ",") {
		if err := protocol.CheckName(name); err != nil {
			return err
		}
		if !slices.Contains(f.scope, name) {
			f.scope = append(f.scope, name)
		}
	}
	return nil
}

// answer reads which kinds of questions are answered.
func (f *flags) answer(list string) error {
	kinds, err := protocol.ParseQuestionKinds(list)
	if err == nil {
		f.answers = kinds
	}
	return err
}

var errArguments = errors.New("arguments that are not understood")
