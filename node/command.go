package node

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"quorate/node/config"
)

// Command is `quorate node`.
func Command() *cobra.Command {
	var file string
	var check, resync bool
	cmd := &cobra.Command{
		Use:   "node --config FILE",
		Short: "Run one node of the registry",
		Long: `Run one node of the registry in the foreground, until SIGINT or SIGTERM.

A node needs a configuration file (docs/CONFIGURATION.md), certificates of its
cluster's CA, and the cluster's key-encryption key. "quorate dev" makes all of
that for three nodes on one machine; look there for working files.

Every setting but the peers can be overridden from the environment:
QUORATE_EPP_LISTEN overrides listen in [epp].`,
		Example: `  quorate node --config /etc/quorate/node.toml
  quorate node --config node.toml --check
  quorate node --config node.toml --resync
  QUORATE_LOG_LEVEL=debug quorate node --config node.toml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(file, os.Environ())
			if err != nil {
				return err
			}
			log, err := logger(cfg.Log)
			if err != nil {
				return err
			}
			if check {
				if _, err := loadIdentity(cfg); err != nil {
					return err
				}
				if _, err := loadKEK(cfg.KEK); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), "the configuration is good")
				return nil
			}
			// SIGHUP asks for certificates to be read again, as they are in a start anyway; unheard it would end the process while the
			// node opens its state, or stops.
			signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if resync {
				if err := Resync(ctx, cfg, log); err != nil {
					return err
				}
			}
			tuneRuntime()
			n, err := Start(cfg, log)
			if err != nil {
				return err
			}
			return n.Run(ctx)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "the node's configuration file")
	cmd.Flags().BoolVar(&check, "check", false, "read the configuration, certificates and key-encryption key, say what is wrong, and exit")
	cmd.Flags().BoolVar(&resync, "resync", false, "first replace this node's state by a copy of a peer's: for a node whose state was lost or differs")
	if err := cmd.MarkFlagRequired("config"); err != nil {
		panic(err)
	}
	return cmd
}

func logger(cfg config.Log) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	options := &slog.HandlerOptions{Level: level}
	switch cfg.Format {
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, options)), nil
	case "text":
		return slog.New(slog.NewTextHandler(os.Stderr, options)), nil
	}
	return nil, fmt.Errorf("log.format: %q is neither text nor json", cfg.Format)
}
