// SPDX-License-Identifier: GPL-2.0

//! The command as users call it, where there is no driver.

use assert_cmd::Command;
use predicates::prelude::*;
use std::fs;

fn run(line: &str) -> assert_cmd::assert::Assert {
    Command::cargo_bin("rblk-nbd")
        .unwrap()
        .args(line.split_whitespace())
        .assert()
}

#[test]
fn what_cannot_be_meant() {
    run("connect nbd0")
        .code(2)
        .stderr("rblk-nbd: no server is given\n");
    run("connect nbd0 nbds://192.0.2.1")
        .code(2)
        .stderr(predicate::str::contains("TLS"));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nbd0.conf");
    fs::write(&path, "server = 192.0.2.1\nswap\nmax_request = 1M\n").unwrap();
    let path = path.to_str().unwrap();
    let error = run(&format!("connect --config {path} nbd0")).code(2);
    let text = String::from_utf8(error.get_output().stderr.clone()).unwrap();
    assert!(text.starts_with(&format!("rblk-nbd: {path}: ")), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    run(&format!("connect --config {path}.old nbd0"))
        .code(1)
        .stderr(predicate::str::contains("nbd0.conf.old: No such file"));
}

#[test]
fn devices_that_are_not_there() {
    run("disconnect nbd4000")
        .code(4)
        .stderr("rblk-nbd: there is no nbd4000\n");
    let output = run("status --json nbd4000").code(4);
    let json: serde_json::Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(json["error"]["status"], 4);
    assert_eq!(json["version"], 1);
}

/// systemd runs what is to stop a unit when its process was killed, too; it starts another one then.
#[test]
fn what_a_killed_process_has_connected_stays() {
    for (result, status) in [("signal", 0), ("success", 4)] {
        Command::cargo_bin("rblk-nbd")
            .unwrap()
            .env("SERVICE_RESULT", result)
            .args(["disconnect", "nbd4000"])
            .assert()
            .code(status);
    }
}

/// For systemd, which asks for each device.
#[test]
fn what_is_no_swap_space_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nbd4000.conf");
    fs::write(&path, "server = 192.0.2.1\n").unwrap();
    run(&format!("swapon --config {} nbd4000", path.display())).success();
    fs::write(&path, "server = 192.0.2.1\nswap\n").unwrap();
    run(&format!("swapon --config {} nbd4000", path.display())).failure();
}

#[test]
fn manual_and_completions() {
    let dir = tempfile::tempdir().unwrap();
    Command::cargo_bin("rblk-nbd-generate")
        .unwrap()
        .arg(dir.path())
        .assert()
        .success();
    let page = |name: &str| fs::read_to_string(dir.path().join("man8").join(name)).unwrap();
    let main = page("rblk-nbd.8");
    assert!(
        main.contains("rblk\\-nbd 8") || main.contains("rblk-nbd 8"),
        "{main}"
    );
    assert!(
        main.contains("wants TLS") && main.contains("swapon"),
        "{main}"
    );
    assert!(page("rblk-nbd-connect.8").contains("dead\\-timeout"));
    assert_eq!(fs::read_dir(dir.path().join("man8")).unwrap().count(), 5);
    for shell in ["rblk-nbd.bash", "rblk-nbd.fish", "_rblk-nbd"] {
        let path = dir.path().join("completions").join(shell);
        assert!(
            fs::read_to_string(path).unwrap().contains("max-request"),
            "{shell}"
        );
    }
}
