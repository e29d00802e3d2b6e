//! Whatever bytes a file holds, loading it ends with toolsets and warnings or one error.

use proptest::prelude::*;

use super::*;

const GOOD: &str = "toolsets:\n  a/b:\n    enabled: true\n    prerequisites:\n    - command: 'true'\n      timeout: 3s\n    - env: [A]\n    config: &c {x: '{{ env.TOKEN }}', y: [1, no]}\n    tools:\n    - name: t\n      parameters:\n        p: {type: [string, integer], enum: [a, b], any_of: [{type: string}]}\n      command: ls {{ p }} {% if q %}-x{% endif %}\n    - name: s\n      script: |\n        echo {{ r | default('') }}\nmcp_servers:\n  m: {url: 'http://x', config: *c}\n";

fn load_bytes(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.yaml");
    std::fs::write(&path, bytes).unwrap();
    if let Err(error) = load(&Sources { extra: vec![path], ..Sources::default() }, &environment()) {
        assert!(error.to_string().lines().count() <= 3, "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        load_bytes(&bytes);
    }

    #[test]
    fn a_good_file_with_parts_replaced(
        at in 0..GOOD.len(), length in 0usize..40, with in "[ \\-:{}\\[\\]*&|>'\"#%~0-9a-z\n\té]{0,12}",
    ) {
        let mut bytes = GOOD.as_bytes().to_vec();
        bytes.splice(at..(at + length).min(GOOD.len()), with.bytes());
        load_bytes(&bytes);
    }

    #[test]
    fn a_good_file_cut_short(at in 0..GOOD.len()) {
        load_bytes(&GOOD.as_bytes()[..at]);
    }
}
