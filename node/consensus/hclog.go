package consensus

import (
	"context"
	"io"
	"log"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// raftLogger lets raft write to a slog.Logger.
type raftLogger struct {
	to   *slog.Logger
	name string
	args []any
}

var levels = map[hclog.Level]slog.Level{
	hclog.Trace: slog.LevelDebug - 4, hclog.Debug: slog.LevelDebug, hclog.NoLevel: slog.LevelInfo,
	hclog.Info: slog.LevelDebug, hclog.Warn: slog.LevelWarn, hclog.Error: slog.LevelError,
}

// Log writes at the level that fits operators: raft's own information is our debugging.
func (l *raftLogger) Log(level hclog.Level, msg string, args ...any) {
	l.to.Log(context.Background(), levels[level], "raft: "+msg, args...)
}

func (l *raftLogger) Trace(msg string, args ...any) { l.Log(hclog.Trace, msg, args...) }
func (l *raftLogger) Debug(msg string, args ...any) { l.Log(hclog.Debug, msg, args...) }
func (l *raftLogger) Info(msg string, args ...any)  { l.Log(hclog.Info, msg, args...) }
func (l *raftLogger) Warn(msg string, args ...any)  { l.Log(hclog.Warn, msg, args...) }
func (l *raftLogger) Error(msg string, args ...any) { l.Log(hclog.Error, msg, args...) }

func (l *raftLogger) enabled(level hclog.Level) bool {
	return l.to.Enabled(context.Background(), levels[level])
}

func (l *raftLogger) IsTrace() bool { return l.enabled(hclog.Trace) }
func (l *raftLogger) IsDebug() bool { return l.enabled(hclog.Debug) }
func (l *raftLogger) IsInfo() bool  { return l.enabled(hclog.Info) }
func (l *raftLogger) IsWarn() bool  { return l.enabled(hclog.Warn) }
func (l *raftLogger) IsError() bool { return l.enabled(hclog.Error) }

func (l *raftLogger) ImpliedArgs() []any { return l.args }
func (l *raftLogger) Name() string       { return l.name }

func (l *raftLogger) With(args ...any) hclog.Logger {
	return &raftLogger{l.to.With(args...), l.name, append(append([]any(nil), l.args...), args...)}
}

func (l *raftLogger) Named(name string) hclog.Logger {
	return &raftLogger{l.to, l.name + name, l.args}
}
func (l *raftLogger) ResetNamed(name string) hclog.Logger {
	return &raftLogger{l.to, name, l.args}
}

func (l *raftLogger) SetLevel(hclog.Level)  {}
func (l *raftLogger) GetLevel() hclog.Level { return hclog.NoLevel }
func (l *raftLogger) StandardWriter(*hclog.StandardLoggerOptions) io.Writer {
	return slog.NewLogLogger(l.to.Handler(), slog.LevelInfo).Writer()
}
func (l *raftLogger) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return slog.NewLogLogger(l.to.Handler(), slog.LevelInfo)
}

// RaftLogger is a logger for raft's parts that writes to log.
func RaftLogger(log *slog.Logger) hclog.Logger { return &raftLogger{to: log, name: "raft"} }
