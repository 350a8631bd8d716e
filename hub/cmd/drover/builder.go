package main

import (
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/kustomize"
)

// kustomizeWorker is the command with which the hub starts this very program to build folders with kustomize.
const kustomizeWorker = "kustomize-worker"

func newKustomizeWorkerCommand() *cobra.Command {
	return &cobra.Command{
		Use: kustomizeWorker, Short: "Build folders for a hub, which starts this itself", Hidden: true,
		Args: exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error { return kustomize.Serve(os.Stdin, os.Stdout) },
	}
}

// ownProgram is this very program, also after its file was replaced by another release where the system can tell.
func ownProgram() string {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe"
	}
	self, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return self
}
