# The command in an environment of its own: as quick a hook as from pip.
#   brew install @OWNER@/tap/claude-session-status
class ClaudeSessionStatus < Formula
  include Language::Python::Virtualenv

  desc "How long Claude Code's prompt cache stays warm"
  homepage "https://pypi.org/project/claude-session-status/"
  url "https://files.pythonhosted.org/packages/source/c/claude-session-status/claude_session_status-@VERSION@.tar.gz"
  sha256 "@SHA256_SDIST@"
  license "MIT"

  depends_on "python@3.13"

  def install
    # DuckDB takes half an hour to compile: the wheels of all compiled libraries are installed as they are.
    virtualenv_create(libexec, "python3.13")
    system "python3.13", "-m", "pip", "--python=#{libexec}/bin/python", "install",
           "--only-binary=duckdb,msgspec,pillow,psutil,pyobjc-core", buildpath
    bin.install_symlink libexec/"bin/claude-session-status"
    generate_completions_from_executable(bin/"claude-session-status", shell_parameter_format: :click)
  end

  service do
    run [opt_bin/"claude-session-status", "tray"]
    keep_alive crashed: true
    log_path var/"log/claude-session-status.log"
  end

  def caveats
    <<~EOS
      Have Claude Code report its sessions:
        claude-session-status install-hooks
      And before you uninstall:
        claude-session-status uninstall-hooks
    EOS
  end

  test do
    ENV["CLAUDE_CONFIG_DIR"] = testpath.to_s
    pipe_output("#{bin}/claude-session-status mark-turn", '{"session_id": "s", "cwd": "/x/my-app"}', 0)
    assert_match '"project": "my-app"', shell_output("#{bin}/claude-session-status status --json")
  end
end
