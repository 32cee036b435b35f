#!/bin/sh
# Passes a hook on to claude-session-status, found on PATH or where pipx, uv, pip, Homebrew and winget put it: the PATH of
# a hook is often not the login shell's. Where it is not installed, a hook stays silent and fails nothing.

# The program's own first line starts Python, so -E and -P can't be given here. Without these variables Python starts as
# if they were: none of them loses an event, or has a file of the project imported. PYTHONUSERBASE stays, since pip may
# have installed by it.
unset PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONWARNINGS PYTHONINSPECT PYTHONHASHSEED PYTHONIOENCODING PYTHONUTF8 \
    PYTHONMALLOC PYTHONMALLOCSTATS PYTHONDEVMODE PYTHONDEBUG PYTHONVERBOSE PYTHONOPTIMIZE PYTHONUNBUFFERED PYTHONSAFEPATH \
    PYTHONNOUSERSITE PYTHONPLATLIBDIR PYTHONCASEOK PYTHONCOERCECLOCALE PYTHONFAULTHANDLER PYTHONTRACEMALLOC \
    PYTHONPROFILEIMPORTTIME PYTHONASYNCIODEBUG PYTHONINTMAXSTRDIGITS PYTHONNODEBUGRANGES PYTHONDONTWRITEBYTECODE \
    PYTHONPYCACHEPREFIX PYTHONWARNDEFAULTENCODING PYTHONBREAKPOINT PYTHONEXECUTABLE PYTHONPERFSUPPORT PYTHON_PERF_JIT_SUPPORT \
    PYTHON_PRESITE PYTHON_GIL PYTHON_CPU_COUNT PYTHON_FROZEN_MODULES PYTHON_COLORS PYTHON_BASIC_REPL PYTHON_HISTORY \
    PYTHON_DISABLE_REMOTE_DEBUG PYTHON_CONTEXT_AWARE_WARNINGS PYTHON_THREAD_INHERIT_CONTEXT PYTHONDUMPREFS \
    PYTHONDUMPREFSFILE PYTHONTHREADDEBUG PYTHONLEGACYWINDOWSFSENCODING PYTHONLEGACYWINDOWSSTDIO

if command -v claude-session-status >/dev/null 2>&1; then
    exec claude-session-status "$@"
fi
for folder in \
    "$HOME/.local/bin" /usr/local/bin /usr/bin /opt/homebrew/bin /home/linuxbrew/.linuxbrew/bin \
    "$HOME"/Library/Python/3.*/bin "${APPDATA:-/}"/Python/Python3*/Scripts "${LOCALAPPDATA:-/}/Microsoft/WinGet/Links"; do
    if [ -x "$folder/claude-session-status" ]; then
        exec "$folder/claude-session-status" "$@"
    fi
done
# A writer gets an error from a reader that has left: read what is written, and drop it.
cat >/dev/null 2>&1
exit 0
