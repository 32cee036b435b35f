# Does in PowerShell what run.sh does in sh: for a Windows without Git Bash. The event comes through the pipeline.
param([string] $HookCommand)

# None of these variables may lose an event, or have a file of the project imported. See run.sh.
Get-ChildItem env:PYTHON* | Where-Object Name -NE PYTHONUSERBASE | Remove-Item

$Program = Get-Command claude-session-status.exe -CommandType Application -ErrorAction SilentlyContinue |
    Select-Object -First 1 -ExpandProperty Source
if (-not $Program) {
    $Program = "$env:USERPROFILE/.local/bin", "$env:APPDATA/Python/Python3*/Scripts", "$env:LOCALAPPDATA/Microsoft/WinGet/Links" |
        ForEach-Object { Get-Item "$_/claude-session-status.exe" -ErrorAction SilentlyContinue } |
        Select-Object -First 1 -ExpandProperty FullName
}
if ($Program) {
    $OutputEncoding = [Console]::InputEncoding  # the bytes go on as PowerShell has read them
    $input | & $Program $HookCommand
}
exit 0
