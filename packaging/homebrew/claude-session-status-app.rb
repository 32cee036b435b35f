# The app for Macs without Python.
#   brew install --cask @OWNER@/tap/claude-session-status-app
cask "claude-session-status-app" do
  arch arm: "arm64", intel: "x86_64"

  version "@VERSION@"
  sha256 arm:   "@SHA256_MACOS_ARM64@",
         intel: "@SHA256_MACOS_X86_64@"

  url "https://github.com/@REPOSITORY@/releases/download/v#{version}/claude-session-status-#{version}-macos-#{arch}.zip"
  name "Claude Session Status"
  desc "How long Claude Code's prompt cache stays warm"
  homepage "https://pypi.org/project/claude-session-status/"

  depends_on macos: ">= :monterey"

  app "Claude Session Status.app"
  binary "#{appdir}/Claude Session Status.app/Contents/MacOS/claude-session-status"

  uninstall quit: "@BUNDLE_ID@"

  zap trash: "~/.claude/claude-session-status"

  caveats <<~EOS
    The app is not notarised: macOS asks before it opens it for the first time.
    Have Claude Code report its sessions:
      claude-session-status install-hooks
    And before you uninstall:
      claude-session-status uninstall-hooks
  EOS
end
